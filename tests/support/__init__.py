"""Fixtures for whole-house tests: real servers, a scripted model server, raw clients and the skep binary."""
