"""asyncio and thread primitives that know nothing of Kubernetes: supervised tasks, clocks,
back-off, batching, the mailbox between threads.
"""
