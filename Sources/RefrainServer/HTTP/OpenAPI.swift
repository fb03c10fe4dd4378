import RefrainData

/// The description of all routes, made of the routes themselves: what is not described cannot be asked.
struct OpenAPI {
  private let table: RouteTable
  private let hasTokens: Bool

  init(_ table: RouteTable, hasTokens: Bool) { (self.table, self.hasTokens) = (table, hasTokens) }

  /// A document of OpenAPI 3.1.
  var json: JSON {
    var paths: [(key: String, value: JSON)] = []
    for route in table.routes where !paths.contains(where: { $0.key == route.path }) {
      let methods = table.routes.filter { $0.path == route.path }
      paths.append((route.path, .object(methods.map { ($0.method.lowercased(), operation($0)) })))
    }
    var components: [(key: String, value: JSON)] = [("schemas", .object(Schemas.all))]
    if hasTokens {
      components.append(("securitySchemes", ["token": ["type": .text("http"), "scheme": .text("bearer")]]))
    }
    return .object([
      ("openapi", .text("3.1.0")),
      (
        "info",
        [
          "title": .text("Refrain"), "version": .text(Service.version),
          "description": .text("Recurrent networks as a service: tensors, tasks, and streams with their state."),
        ]
      ),
      ("paths", .object(paths)), ("components", .object(components)),
    ])
  }

  private func operation(_ route: Route) -> JSON {
    var members: [(key: String, value: JSON)] = [
      ("operationId", .text(route.name)), ("tags", .array([.text(route.tag)])), ("summary", .text(route.summary)),
    ]
    let parameters =
      route.names.map { parameter(Route.Parameter(name: $0, summary: "Which \($0)."), in: "path") }
      + route.query.map { parameter($0, in: "query") }
      + route.headers.filter { $0.name != "Accept" }.map { parameter($0, in: "header") }
    if !parameters.isEmpty { members.append(("parameters", .array(parameters))) }
    if !route.takes.isEmpty {
      members.append(("requestBody", ["content": content(route.takes), "required": .bool(false)]))
    }
    var success: [(key: String, value: JSON)] = [
      ("description", .text(route.isSocket ? "The connection goes on as a WebSocket." : "Done."))
    ]
    if !route.gives.isEmpty { success.append(("content", content(route.gives))) }
    var responses: [(key: String, value: JSON)] = [(String(route.status), .object(success))]
    let common = route.isOpen ? [403, 421] : (hasTokens ? [401] : []) + [403, 415, 421, 503]
    let body = route.reading == .nothing ? [] : [400, 408, 413]
    for status in Set(route.failures + common + body).sorted() {
      responses.append(
        (String(status), ["description": .text(Self.words[status] ?? "Refused."), "content": Self.failure]))
    }
    members.append(("responses", .object(responses)))
    if hasTokens, !route.isOpen { members.append(("security", .array([["token": .array([])]]))) }
    return .object(members)
  }

  private func parameter(_ parameter: Route.Parameter, in place: String) -> JSON {
    [
      "name": .text(parameter.name), "in": .text(place), "required": .bool(place == "path"),
      "description": .text(parameter.summary), "schema": ["type": .text(parameter.type)],
    ]
  }

  private func content(_ contents: [Route.Content]) -> JSON {
    .object(
      contents.map { content in
        guard let schema = content.schema else { return (content.type, .object([])) }
        return (content.type, ["schema": ["$ref": .text("#/components/schemas/" + schema)]])
      })
  }

  private static var failure: JSON {
    ["application/json": ["schema": ["$ref": .text("#/components/schemas/Failure")]]]
  }

  private static let words = [
    400: "The request is not understood, or does not fit the model.", 401: "A token is missing or not known.",
    403: "Pages of this origin may not ask.", 404: "There is no such model, session or snapshot.",
    406: "The answer cannot be had in the wanted type.", 408: "The request took too long to arrive.",
    409: "The server is not set up for it, or the state is of another model.", 413: "Too much was sent at once.",
    415: "The body is of a type that is not read.", 421: "The server does not go by this name.",
    426: "A WebSocket of version 13 has to be asked for.",
    429: "There are as many sessions, snapshots or waiting requests as there may be.",
    503: "The server is busy, or about to end.", 507: "The state could not be written.",
  ]
}
