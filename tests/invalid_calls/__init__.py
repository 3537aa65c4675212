"""Tables of calls that are wrong, a file for each room of jaxcnn; see `test_invalid_calls.py`."""
