from tokenization.build import *
