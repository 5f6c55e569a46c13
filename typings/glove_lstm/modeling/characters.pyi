from modeling.characters import *
