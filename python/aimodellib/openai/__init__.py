"""OpenAI's API for scripts that chat or embed.

A serving script defines ``load``, and ``chat`` or ``embed`` or both, and makes one :class:`Api` of them::

    from aimodellib.openai import Api

    def load(model_dir):
        ...

    def chat(messages, model, temperature=1.0):
        for word in model.answer(messages[-1]["content"], temperature):
            yield word

    api = Api(load, chat=chat)

``aimodellib serve`` then answers ``/v1/chat/completions``, ``/v1/embeddings`` and ``/v1/models``.
"""

from ._api import Api
from ._errors import ApiError
from ._reply import Finish

__all__ = ["Api", "ApiError", "Finish"]
