from tokenization.spelling import *
