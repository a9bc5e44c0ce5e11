"""Telecontrol: medical controls of sick leave, from the request to the acknowledged report."""

__version__ = "0.1.0"
