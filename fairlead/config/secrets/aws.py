"""AWS Secrets Manager, through botocore: region, address and keys from the usual AWS variables, or from the machine.

Its errors become ours here: what is not there, or not ours to read, is a `ConfigurationError`; what nobody can tell
now a `SecretUnavailable`. None holds a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from fairlead.config.secrets.source import Found
from fairlead.errors import ConfigurationError, FairleadError, SecretUnavailable

_SECONDS_TO_CONNECT, _SECONDS_TO_READ, _TRIES = 2, 4, 2
_DENIED = frozenset({"AccessDeniedException", "AccessDenied", "NotAuthorized"})
_WRONG_CREDENTIALS = frozenset(
    {
        "ExpiredToken", "ExpiredTokenException", "RequestExpired", "UnrecognizedClientException",
        "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch", "MissingAuthenticationToken",
        "IncompleteSignature", "AuthFailure",
    }
)  # fmt: skip


class AwsSecretsManager:
    """`environ`: with the AWS variables. What it does not name is looked for as every AWS program does."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._clients: dict[str, Any] = {}
        self._session: Any = None

    def fetch(self, where: str, stage: str) -> Found:
        exceptions = _library("botocore.exceptions")
        wanted = {"SecretId": where, **({"VersionStage": stage} if stage else {})}
        try:
            answer: dict[str, Any] = self._client(where).get_secret_value(**wanted)
        except exceptions.ClientError as error:
            raise _refused(error.response.get("Error", {}).get("Code", ""), error) from error
        except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.ProfileNotFound) as error:
            raise ConfigurationError(
                "there are no AWS credentials.", hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the "
                "machine a role.",
            ) from error  # fmt: skip
        except exceptions.ParamValidationError as error:
            raise ConfigurationError("AWS Secrets Manager takes no such name.") from error
        except (exceptions.BotoCoreError, OSError, ValueError) as error:
            # Not what it says: the address of a proxy may hold a password.
            raise SecretUnavailable(f"AWS Secrets Manager can't be asked: {type(error).__name__}.",
                                    hint="Check the network, AWS_REGION and AWS_ENDPOINT_URL.") from error  # fmt: skip
        if not isinstance(answer.get("SecretString"), str):
            raise ConfigurationError("the secret is binary.", hint="Keep it as text, or as a JSON object.")
        return Found(answer["SecretString"], str(answer.get("VersionId", "")))

    def _client(self, where: str) -> Any:
        region = self._region(where)
        if region not in self._clients:
            given = {
                "aws_access_key_id": "AWS_ACCESS_KEY_ID", "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
                "aws_session_token": "AWS_SESSION_TOKEN",
            }  # fmt: skip
            keys = {name: value for name, variable in given.items() if (value := self._environ.get(variable))}
            config = _library("botocore.config").Config(
                connect_timeout=_SECONDS_TO_CONNECT, read_timeout=_SECONDS_TO_READ,
                retries={"total_max_attempts": _TRIES, "mode": "standard"},
            )  # fmt: skip
            self._clients[region] = self._aws().create_client(
                "secretsmanager", region_name=region, endpoint_url=self._first(
                    "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL"
                ), config=config, **(keys if "aws_secret_access_key" in keys else {}),
            )  # fmt: skip
        return self._clients[region]

    def _region(self, where: str) -> str:
        """An ARN says its own."""
        parts = where.split(":")
        own = parts[3] if len(parts) > 5 and parts[0] == "arn" else ""
        region = own or self._first("AWS_REGION", "AWS_DEFAULT_REGION") or self._aws().get_config_variable("region")
        if not region:
            raise ConfigurationError("no AWS region is named.", hint="Set AWS_REGION.")
        return str(region)

    def _aws(self) -> Any:
        if self._session is None:
            self._session = _library("botocore.session").Session(profile=self._environ.get("AWS_PROFILE") or None)
        return self._session

    def _first(self, *names: str) -> str | None:
        return next((value for name in names if (value := self._environ.get(name))), None)


def _refused(code: str, error: Exception) -> FairleadError:
    status: Any = getattr(error, "response", {}).get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "ResourceNotFoundException":
        return ConfigurationError("AWS Secrets Manager has no such secret, or none of that stage.",
                                  hint="Check its name and AWS_REGION.")  # fmt: skip
    if code in _WRONG_CREDENTIALS:
        return ConfigurationError(f"AWS does not take the credentials: {code}.",
                                  hint="They are wrong, or have expired: get new ones.")  # fmt: skip
    if code in _DENIED:
        return ConfigurationError("AWS does not let us read it.",
                                  hint="It takes secretsmanager:GetSecretValue, and kms:Decrypt.")  # fmt: skip
    if code == "InvalidRequestException":
        return ConfigurationError("the secret is marked to be deleted, or has no value yet.")
    if code == "DecryptionFailure":
        return ConfigurationError("AWS can't decrypt it with its key.", hint="It takes kms:Decrypt.")
    if code in ("ValidationException", "InvalidParameterException"):
        return ConfigurationError("AWS Secrets Manager takes no such name or stage.")
    return SecretUnavailable(f"AWS Secrets Manager did not answer: {code or status}.", hint="Try again.")


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigurationError("botocore is not installed.", hint="pip install 'fairlead[aws]'") from error
