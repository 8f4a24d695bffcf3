"""The connection string of a storage emulator; Azurite and this emulator use the same credentials."""

# The published account and key of every storage emulator; they give access to nothing else:
# https://learn.microsoft.com/azure/storage/common/storage-connect-azurite
ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def emulator_connection_string(url: str) -> str:
    """Return the connection string of an emulated queue service.

    Args:
        url: the service's base URL, without the account and without a trailing slash.

    Returns:
        The value of `AzureWebJobsStorage` for this service.
    """
    endpoint = f"QueueEndpoint={url}/{ACCOUNT};"
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={_KEY};{endpoint}"
