"""Numbers as Chinese papers and tables write them: 50,000. Django's own locale groups nothing."""

THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
