from modeling.configuration_glove_lstm import *
