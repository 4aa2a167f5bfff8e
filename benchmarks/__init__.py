"""What a streamed token costs: this server beside a plain peer that stores nothing, and a bare relay as the limit."""
