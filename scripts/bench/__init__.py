"""What `make bench` measures: reminders, bookings and slot search. It prints and keeps figures; it judges nothing."""
