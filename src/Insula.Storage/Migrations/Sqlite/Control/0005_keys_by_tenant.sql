-- A key is found by its handle, or by its tenant and its id. By the id alone another tenant's key would be met, and
-- the time that takes tells that it is there.

drop index api_keys_by_id;
