from tokenization.word_shapes import *
