"""The call: provider protocol, tickets, the built-in call, waiting room and attendance. Knows nothing of appointments."""
