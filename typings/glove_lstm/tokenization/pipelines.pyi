from tokenization.pipelines import *
