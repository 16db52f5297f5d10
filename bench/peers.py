"""What others' contracts cost: gas of whole transactions, measured with `forge --isolate` on the
peers' own code (DESIGN 11). Where there are several peers, rows name the cheapest.

Story, 0xSplits and x402 stay quoted because npm has not the code that was measured. Of Story it has
1.0.0-beta-rc6 alone, with another and dearer `register` (`story.py`); of 0xSplits we know an SDK
that offers ABIs (`@0xsplits/splits-sdk`), of x402 a package of JavaScript (`@x402/evm`)."""

from typing import Final

STORY_REGISTER: Final = 273_613
SOUND_MINT: Final = 174_450
SPLITS_CREATION_OF_2: Final = 164_204
SPLITS_ETH: Final = {2: 61_280, 5: 93_525, 10: 147_247, 100: 1_114_380}
SPLITS_ERC20: Final = {2: 69_076, 5: 100_725, 10: 153_464, 100: 1_104_202}
"""By number of payees. One payee can block all the others."""
X402_CLAIM_OF_10: Final = 192_043
"""With a signature each."""

SOURCES: Final = {
    "how": "quoted: forge --isolate on their own code, before; measured: in this run",
    "certificate": "Story Protocol, register; the NFT's mint comes on top. Sound edition: 414,171",
    "purchase": "Sound Protocol, mint of an edition; pays no split. Unlock V15, quoted: 246,744",
    "split": "0xSplits v2, push split",
    "record": "x402, claim of 10 vouchers, each with its signature",
}
