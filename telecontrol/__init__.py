"""Telecontrol: medical controls of sick leave, from the request to the acknowledged report."""
