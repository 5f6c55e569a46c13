from modeling.modeling_glove_lstm import *
