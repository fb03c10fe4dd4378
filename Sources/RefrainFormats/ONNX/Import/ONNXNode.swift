import RefrainData

/// One step of a graph, checked against its operator.
struct ONNXNode: Sendable {
  /// What it is called in messages: its own name, or that of its first output.
  var name: String
  /// The operator's name, such as `LSTM`.
  var operation: String
  /// The version of the operators that the model is written for.
  var opset: Int
  /// Where the values it takes are kept; nil for an optional one that is not there.
  var inputs: [Int?]
  /// Where its results go; nil for one that nobody wants.
  var outputs: [Int?]
  var attributes: [String: ONNXAttribute]
  /// What it does.
  var implementation: ONNXOperator

  /// The attribute of this name; the loader has made sure that it is of the operator's kind.
  func integer(_ name: String) -> Int? {
    guard case .integer(let value) = attributes[name] else { return nil }
    return value
  }

  func float(_ name: String) -> Float? {
    guard case .float(let value) = attributes[name] else { return nil }
    return value
  }

  func string(_ name: String) -> String? {
    guard case .string(let value) = attributes[name] else { return nil }
    return value
  }

  func integers(_ name: String) -> [Int]? {
    guard case .integers(let values) = attributes[name] else { return nil }
    return values
  }

  func floats(_ name: String) -> [Float]? {
    guard case .floats(let values) = attributes[name] else { return nil }
    return values
  }

  func strings(_ name: String) -> [String]? {
    guard case .strings(let values) = attributes[name] else { return nil }
    return values
  }

  func value(_ name: String) -> ONNXValue? {
    guard case .value(let value) = attributes[name] else { return nil }
    return value
  }

  func graph(_ name: String) -> ONNXGraph? {
    guard case .graph(let graph) = attributes[name] else { return nil }
    return graph
  }

  /// Where the values lie that its bodies take from outside.
  var captures: [Int] {
    attributes.values.flatMap { attribute -> [Int] in
      guard case .graph(let graph) = attribute else { return [] }
      return graph.captures.map(\.outside)
    }
  }

  /// The node in a message: `node 'lstm_1' (LSTM)`.
  var title: String { "node \(name.quoted) (\(operation.onOneLine))" }

  /// A fault of the model that is seen before anything runs.
  func unsupported(_ problem: String, remedy: String? = nil) -> DataError {
    DataError(.unsupportedContent, "\(title): \(problem)", remedy: remedy)
  }
}

/// What a node is told besides its inputs.
enum ONNXAttribute: Sendable {
  enum Kind: String, Sendable { case integer, float, string, integers, floats, strings, value, graph }

  case integer(Int)
  case float(Float)
  case string(String)
  case integers([Int])
  case floats([Float])
  case strings([String])
  case value(ONNXValue)
  case graph(ONNXGraph)

  var kind: Kind {
    switch self {
    case .integer: .integer
    case .float: .float
    case .string: .string
    case .integers: .integers
    case .floats: .floats
    case .strings: .strings
    case .value: .value
    case .graph: .graph
    }
  }
}
