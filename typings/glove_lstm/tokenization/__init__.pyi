from tokenization import *
