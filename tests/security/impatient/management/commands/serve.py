"""The launcher with less patience, so that the clients who try it can be watched in reasonable time."""

from chat.management.commands.serve import Command as Serve
from chat.server import Patience


class Command(Serve):
    patience = Patience(request=3, handshake=6, ping=1, pong=2)
