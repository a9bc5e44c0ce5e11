"""HTTP: pages by audience, the JSON API, provider callbacks, call sockets, health."""
