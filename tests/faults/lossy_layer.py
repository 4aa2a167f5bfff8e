"""The product's channel layer, which loses as many of the hints as the switch says."""

import random
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer

from tests.faults.switches import lost_percent


class LossyLayer(RedisPubSubChannelLayer):  # type: ignore[misc]
    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        if random.random() * 100 >= lost_percent():  # noqa: S311 - a fault, not a secret
            await self._get_layer().group_send(group, message)
