"""The command line: Typer commands that parse, call one public function and print."""
