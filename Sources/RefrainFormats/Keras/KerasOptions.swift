import Refrain
import RefrainData

/// What a config says of one layer. What Refrain has no counterpart for is noted, so that all of it can be told at
/// once.
struct KerasOptions {
  /// The layer as messages call it, such as `LSTM 'lstm_1'`.
  let layer: String
  /// The first number of the version of Keras that the config is of.
  let version: Int
  private let values: JSONValue
  /// What is wrong with it.
  private(set) var problems: [String] = []
  /// What is to be said of it, though it is read.
  private(set) var remarks: [String] = []

  init(_ kerasClass: String, _ config: JSONValue, version: Int = 3) {
    layer = config["name"].string.map { "\(kerasClass.onOneLine) \($0.quoted)" } ?? kerasClass.onOneLine
    values = config
    self.version = version
  }

  /// What the config says under this name; null where it says nothing.
  subscript(name: String) -> JSONValue { values[name] }

  mutating func note(_ problem: String) { problems.append("\(layer): \(problem)") }

  mutating func remark(_ remark: String) { remarks.append("\(layer): \(remark)") }

  /// Takes over what is to be said of a part.
  mutating func add(_ part: KerasOptions) {
    problems += part.problems
    remarks += part.remarks
  }

  /// Notes an option that is there and has another value than the one that Refrain has.
  mutating func expect(_ name: String, _ value: JSONValue) {
    guard values[name] != .null, values[name] != value else { return }
    note("\(name) is \(String(values[name].text.prefix(40)).onOneLine), and Refrain has \(value.text) alone")
  }

  /// Notes an option that is there.
  mutating func expectNothing(_ name: String) {
    if values[name] != .null { note("Refrain has no \(name)") }
  }

  /// A switch.
  func flag(_ name: String, default standard: Bool = false) -> Bool { values[name].bool ?? standard }

  /// A positive size.
  mutating func size(_ name: String) -> Int {
    if let size = values[name].integer, size > 0 { return size }
    note("\(name) is no positive number")
    return 1
  }

  /// Positive sizes, as many as `count`; one may stand without brackets.
  mutating func sizes(_ name: String, count: Int) -> [Int] {
    let given = values[name].array ?? values[name].integer.map { [.init(integerLiteral: $0)] } ?? []
    let sizes = given.compactMap(\.integer).filter { $0 > 0 }
    if sizes.count == count, given.count == count { return sizes }
    note("\(name) is not \(count) positive numbers")
    return Array(repeating: 1, count: count)
  }

  /// A probability of dropping, at least 0 and below 1; 0 where nothing is said.
  mutating func rate(_ name: String) -> Float {
    if values[name] == .null { return 0 }
    if let rate = values[name].number.map({ Float($0) }), (0..<1).contains(rate) { return rate }
    note("\(name) is not at least 0 and below 1")
    return 0
  }
}
