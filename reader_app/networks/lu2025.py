"""lu2025: two embedding classifiers, DLR_LH (BI-RADS 2/3 v 4/5) and DLR_BM (benign v malignant).

ResNet-50 (or another trunk) whose classifier is replaced by a fully connected layer to a 128-number embedding and two outputs;
then the embedding together with the age goes into a small multi-layer perceptron. Where the paper is silent we chose: the
embedding layer has no non-linearity (so the class activation map is an exact decomposition of the window's logit); the perceptron
has one hidden layer of 64; a missing age counts as the training mean and is said so.

The paper judges the largest region of interest, drawn by a radiologist and resized to 224 x 224. Here nobody draws: planes are
resampled to a stated pixel size, every window of a stated size is judged (the trunk runs once over the whole plane, pooling
slides), and the classifier's own most suspicious window stands for the image. The case score is the highest of its images'.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from reader_app.networks.classifier import WindowClassifier

EMBEDDING = 128
MODELS: Mapping[str, tuple[str, str]] = {"DLR_LH": ("low", "high"), "DLR_BM": ("benign", "malignant")}
TITLES: Mapping[str, str] = {
    "DLR_LH": "First stage: BI-RADS 2/3 against 4/5",
    "DLR_BM": "Second stage: benign against malignant",
}


class DlrNetwork(WindowClassifier):
    """Trunk -> global average -> 128-number embedding -> two logits; embedding and age -> perceptron -> two logits.

    Parameters
    ----------
    backbone : str
        Name of the trunk; the paper's is "resnet50".
    """

    age_mean_std: Tensor

    def __init__(self, backbone: str = "resnet50") -> None:
        super().__init__(backbone, EMBEDDING)
        self.clinical = nn.Sequential(nn.Linear(EMBEDDING + 1, 64), nn.ReLU(), nn.Linear(64, 2))
        self.register_buffer("age_mean_std", torch.tensor([50.0, 12.0]))

    def judge(self, embedding: Tensor, age: Tensor) -> Tensor:
        """Return the perceptron's logit difference (N,) of embeddings (N, 128) and ages in years (N,)."""
        years = (age - self.age_mean_std[0]) / self.age_mean_std[1]
        logits: Tensor = self.clinical(torch.cat([self.standardise(embedding), years[:, None]], 1))
        return logits[:, 1] - logits[:, 0]


def co_decision(category: str, high: bool, malignant: bool) -> str:
    """Return what both models together suggest for a reader's category.

    Only a 4A is touched: low and benign -> "down" (suggest 3), high and malignant -> "up", else "keep". Others -> "".
    """
    if category != "4A":
        return ""
    if not high and not malignant:
        return "down"
    return "up" if high and malignant else "keep"
