from modeling import *
