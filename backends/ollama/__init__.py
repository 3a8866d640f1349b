"""What the Ollama adapters of every kind take: its HTTP API and the translation of its errors."""
