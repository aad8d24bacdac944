def evaluate(given, expected, protocol):
    return []
