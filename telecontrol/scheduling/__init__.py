"""Agendas, slots, deadlines, booking, answers, notices."""
