"""Ground: JSON-RPC, ABI coding, EIP-712, signatures, wallets, transactions."""
