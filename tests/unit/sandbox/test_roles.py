from sandbox import roles

URL = "postgresql://me@localhost/diamonds"
NIVODA = "https://integrations.nivoda.net/api/diamonds"
LOCAL = "http://localhost:4000/api/diamonds"


def test_setting_of_caller_is_never_overridden() -> None:
    given = {"NIVODA_REQUESTS_PER_SECOND": "3", "ENVIRONMENT": "production", "SYNC_LEASE_SECONDS": "9"}
    assert given.items() <= roles.base_environment(given, lock_seconds=5).items()


def test_empty_setting_counts_as_unset() -> None:
    assert roles.base_environment({"ENVIRONMENT": ""}, None)["ENVIRONMENT"] == "development"


def test_request_rate_is_raised_for_local_supplier_only() -> None:
    assert roles.base_environment({}, None)["NIVODA_REQUESTS_PER_SECOND"] == "200"
    assert roles.base_environment({"NIVODA_ENDPOINT": LOCAL}, None)["NIVODA_REQUESTS_PER_SECOND"] == "200"
    assert "NIVODA_REQUESTS_PER_SECOND" not in roles.base_environment({"NIVODA_ENDPOINT": NIVODA}, None)


def test_watermark_persists_only_with_database_and_supplier() -> None:
    lasting = roles.base_environment({"DATABASE_URL": URL, "NIVODA_ENDPOINT": LOCAL}, None)
    again = roles.base_environment({"DATABASE_URL": URL, "NIVODA_ENDPOINT": LOCAL}, None)
    other = roles.base_environment({"DATABASE_URL": URL + "2", "NIVODA_ENDPOINT": LOCAL}, None)
    assert lasting["WATERMARK_DIRECTORY"] == again["WATERMARK_DIRECTORY"] != other["WATERMARK_DIRECTORY"]
    for part in ({"DATABASE_URL": URL}, {"NIVODA_ENDPOINT": LOCAL}):
        assert "WATERMARK_DIRECTORY" not in roles.base_environment(part, None)


def test_watermark_location_of_caller_is_unchanged() -> None:
    given = {"DATABASE_URL": URL, "NIVODA_ENDPOINT": LOCAL, "AZURE_STORAGE_ACCOUNT_URL": "https://x.example"}
    assert "WATERMARK_DIRECTORY" not in roles.base_environment(given, None)


def test_shared_environment_has_no_setting_of_one_process() -> None:
    environment = {"REDIS_URL": "redis://localhost", "PATH": "/bin", "PORT": "3000", "HOST": "::", "ENVIRONMENT": ""}
    assert roles.shared(environment) == {"REDIS_URL": "redis://localhost"}


def test_worker_count_is_cores_up_to_supplier_limit() -> None:
    def workers(cores: int) -> int:
        return sum(role.arguments == ("worker",) for role in roles.background(cores))

    assert [workers(cores) for cores in (1, 2, 64)] == [1, 2, 4]
