from modeling.pretrained_glove_lstm import *
