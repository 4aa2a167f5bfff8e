from chat.models.access import ApiKey
from chat.models.allowance import Allowance
from chat.models.audit import AuditEntry
from chat.models.budget import Budget, Reservation, Spending
from chat.models.conversation import Conversation, Message
from chat.models.run import EventPack, Run, RunEvent
from chat.models.sign_in import SignInTries
from chat.models.ticket import SocketTicket
from chat.models.tool_call import ToolCall

__all__ = [
    "Allowance",
    "ApiKey",
    "AuditEntry",
    "Budget",
    "Conversation",
    "EventPack",
    "Message",
    "Reservation",
    "Run",
    "RunEvent",
    "SignInTries",
    "SocketTicket",
    "Spending",
    "ToolCall",
]
