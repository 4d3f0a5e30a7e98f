"""The JSON of requests and answers as msgspec Structs: routes decode and encode with them, OpenAPI is made of them."""
