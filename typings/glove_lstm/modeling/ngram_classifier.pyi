from modeling.ngram_classifier import *
