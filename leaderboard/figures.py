"""How a score is written, on pages, in feeds and in files."""


def write_score(value: float, decimals: int = 2) -> str:
    """Return it with so many decimals; a smaller one with its first two digits, as 0.00012 is not 0.

    >>> write_score(81.028, 2), write_score(0.00012, 3), write_score(0.0, 3)
    ('81.03', '0.00012', '0.000')
    """
    is_lost = 0 < abs(value) < 10 ** (1 - decimals)
    return f"{value:.2g}" if is_lost else f"{value:.{decimals}f}"
