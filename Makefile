# Every verb of this repository. `make help` prints the comments after ##.
.PHONY: help up test quick lint format docs bench
.DEFAULT_GOAL := help

help: ## show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

up: ## build what is needed and start Insula on http://127.0.0.1:8080 (data in ./data)
	@./insula up

test: ## install what the tests need, run every suite, end with "N passed, N failed, N skipped"
	@eng/test.sh

quick: ## build, and run only the tests that need nothing (under a minute)
	@eng/test.sh Insula.Tests

lint: ## check the format, then build everything with warnings as errors
	@eng/lint.sh

format: ## put the sources into the form that lint asks for
	@dotnet format Insula.slnx --verbosity quiet

docs: ## write the generated files anew: pages of docs/reference, schemas
	@eng/docs.sh

bench: ## run the benchmarks of bench/ and print their tables
	@eng/bench.sh
