from tokenization.tokenization_glove_lstm import *
