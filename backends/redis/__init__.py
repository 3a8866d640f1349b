"""What the Redis adapters of every kind take: settings, client and the translation of its errors."""
