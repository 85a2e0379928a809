"""The portal under faults: does it lose, double, strand or falsify anything?"""
