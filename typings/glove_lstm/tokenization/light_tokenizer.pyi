from tokenization.light_tokenizer import *
