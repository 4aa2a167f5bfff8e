"""Bodies are taken as they are written. Django REST framework ignores a misspelt field, and takes 0 for "0"."""

from typing import Any

from rest_framework import serializers

Field = serializers.Field[Any, Any, Any, Any]
JSON_TYPES: dict[type[Field], tuple[str, tuple[type, ...]]] = {
    serializers.CharField: ("a string", (str,)),
    serializers.BooleanField: ("true or false", (bool,)),
    serializers.IntegerField: ("a whole number", (int,)),
    serializers.FloatField: ("a number", (int, float)),
    serializers.ManyRelatedField: ("a list", (list,)),
}


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that it does not know or that are read-only, and values of another JSON type."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            problems = {name: [problem] for name in sorted(data) if (problem := self._problem(name, data[name]))}
            if problems:
                raise serializers.ValidationError(problems)
        return super().to_internal_value(data)

    def _problem(self, name: str, value: Any) -> str | None:
        """What is wrong with a field before its value is looked at."""
        field = self.fields.get(name)
        if field is None or field.read_only:
            return "This field is not known."
        for kind, (wanted, types) in JSON_TYPES.items():
            if isinstance(field, kind) and value is not None and type(value) not in types:
                return f"{wanted.capitalize()} is needed."
        return None
