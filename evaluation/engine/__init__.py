"""The verification engine: a plain library and command line that evaluates weights on a folder of images.

It knows no Django, queue or database. `python -m evaluation.engine --help` lists what it does.
"""
