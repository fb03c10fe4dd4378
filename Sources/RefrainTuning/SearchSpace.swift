import RealModule
import RefrainData
import RefrainFoundation

/// What a search may choose: parameters with the values that each can take.
public struct SearchSpace: Sendable, Equatable {
  /// One thing that is chosen.
  public struct Parameter: Sendable, Equatable {
    /// The name of an option: one of the task's, or one that all tasks share.
    public var name: String
    /// The values it can take.
    public var domain: Domain

    /// A parameter under its name.
    public init(_ name: String, _ domain: Domain) {
      self.name = name
      self.domain = domain
    }
  }

  /// The values that a parameter can take.
  public enum Domain: Sendable, Equatable {
    /// A number, evenly or evenly over its logarithm.
    case real(ClosedRange<Double>, isLogarithmic: Bool)
    /// A whole number, evenly or evenly over its logarithm.
    case whole(ClosedRange<Int>, isLogarithmic: Bool)
    /// One of several words.
    case choice([String])
  }

  /// The parameters, in a fixed order.
  public var parameters: [Parameter]

  /// A space of parameters whose names all differ.
  public init(_ parameters: [Parameter]) { self.parameters = parameters }
}

/// What a parameter was chosen to be.
public enum ParameterValue: Sendable, Equatable {
  /// A number.
  case real(Double)
  /// A whole number.
  case whole(Int)
  /// A word, by its place among the choices.
  case choice(Int)

  /// The value as the text of an option.
  public func text(in domain: SearchSpace.Domain) -> String {
    switch (self, domain) {
    // Four digits are more than a search can tell apart, and people can read them.
    case (.real(let value), _): "\(Self.rounded(value))"
    case (.whole(let value), _): "\(value)"
    case (.choice(let place), .choice(let words)): words[place]
    case (.choice(let place), _): "\(place)"
    }
  }

  /// The number to four significant digits.
  static func rounded(_ value: Double) -> Double {
    guard value != 0, value.isFinite else { return value }
    let exponent = Int(Double.log10(abs(value)).rounded(.down)) - 3
    // Powers of ten as products of whole numbers are exact.
    let scale = Double.pow(10, Double(abs(exponent)))
    return exponent < 0 ? (value * scale).rounded() / scale : (value / scale).rounded() * scale
  }
}

extension SearchSpace.Domain {
  /// Where the value lies in 0 … 1; nil for words.
  func place(of value: ParameterValue) -> Double? {
    func share(_ value: Double, _ low: Double, _ high: Double, _ isLogarithmic: Bool) -> Double {
      guard high > low else { return 0.5 }
      guard isLogarithmic else { return (value - low) / (high - low) }
      return Double.log(value / low) / Double.log(high / low)
    }
    switch (self, value) {
    case (.real(let range, let isLogarithmic), .real(let value)):
      return share(value, range.lowerBound, range.upperBound, isLogarithmic)
    case (.whole(let range, let isLogarithmic), .whole(let value)):
      // Each whole number has a piece of its own, half of it on either side.
      return share(
        Double(value), Double(range.lowerBound) - 0.5, Double(range.upperBound) + 0.5, isLogarithmic)
    default: return nil
    }
  }

  /// The value at a place in 0 … 1; of words the one at that share of them.
  func value(at place: Double) -> ParameterValue {
    let place = min(max(place, 0), 1)
    func number(_ low: Double, _ high: Double, _ isLogarithmic: Bool) -> Double {
      isLogarithmic ? low * Double.pow(high / low, place) : low + (high - low) * place
    }
    switch self {
    case .real(let range, let isLogarithmic):
      let value = ParameterValue.rounded(number(range.lowerBound, range.upperBound, isLogarithmic))
      return .real(min(max(value, range.lowerBound), range.upperBound))
    case .whole(let range, let isLogarithmic):
      let value = number(Double(range.lowerBound) - 0.5, Double(range.upperBound) + 0.5, isLogarithmic)
      return .whole(min(max(Int(value.rounded()), range.lowerBound), range.upperBound))
    case .choice(let words): return .choice(min(Int(place * Double(words.count)), words.count - 1))
    }
  }

  /// Whether a value is one of this domain.
  func holds(_ value: ParameterValue) -> Bool {
    switch (self, value) {
    case (.real(let range, _), .real(let value)): range.contains(value)
    case (.whole(let range, _), .whole(let value)): range.contains(value)
    case (.choice(let words), .choice(let place)): words.indices.contains(place)
    default: false
    }
  }
}

extension SearchSpace {
  /// Reads a space from JSON: an object of parameters by name, each an object with `from`, `to` and perhaps
  /// `"log": true`, or an array of words.
  ///
  ///     {"hidden": {"from": 16, "to": 256, "log": true}, "dropout": {"from": 0.0, "to": 0.5}, "cell": ["lstm", "gru"]}
  ///
  /// Numbers are whole where both ends are written without a point. `true` and `false` may stand among words.
  ///
  /// - Throws: `damagedFile` for text that is no JSON, `wrongInput` for what is no space.
  public init(json bytes: [UInt8], file: String?) throws(DataError) {
    let value: JSONValue
    do throws(DataError) { value = try JSONValue(bytes) } catch { throw error.inFile(file) }
    func fault(_ problem: String, _ remedy: String) -> DataError {
      DataError(.wrongInput, file: file, problem, remedy: remedy)
    }
    guard case .object(let members) = value, !members.isEmpty else {
      throw fault("a search space is an object of parameters", #"write {"hidden": {"from": 16, "to": 128}}"#)
    }
    let text = String(decoding: bytes, as: UTF8.self)
    var parameters: [Parameter] = []
    for (name, member) in members.sorted(by: { $0.key < $1.key }) {
      if let words = member.array {
        let all = words.compactMap { word in
          word.string ?? word.bool.map { "\($0)" } ?? word.number.map { Int(exactly: $0).map(String.init) ?? "\($0)" }
        }
        guard all.count == words.count, !all.isEmpty else {
          throw fault("the choices of \(name.quoted) are not words or numbers", #"write ["lstm", "gru"]"#)
        }
        parameters.append(Parameter(name, .choice(all)))
        continue
      }
      if case .object(let parts) = member, let wrong = parts.keys.filter({ !Self.rangeKeys.contains($0) }).min() {
        let hint = nearestName(to: wrong, among: Self.rangeKeys).map { "did you mean \($0.quoted)?" }
        throw fault("the range of \(name.quoted) has no \(wrong.quoted)", hint ?? "it has 'from', 'to' and 'log'")
      }
      guard let from = member["from"].number, let to = member["to"].number, from < to else {
        throw fault(
          "the range of \(name.quoted) has no 'from' below a 'to'", #"write {"from": 16, "to": 128}, or ["a", "b"]"#)
      }
      var isLogarithmic = false
      if case .object(let parts) = member, let log = parts["log"] {
        guard let value = log.bool else {
          throw fault("the 'log' of \(name.quoted) is neither true nor false", #"write "log": true, or leave it out"#)
        }
        isLogarithmic = value
      }
      guard !isLogarithmic || from > 0 else {
        throw fault("the range of \(name.quoted) begins at \(from), which has no logarithm", "begin above 0")
      }
      let range = Self.member(name, in: text)
      if let low = Int(exactly: from), let high = Int(exactly: to), !range.contains(".") {
        parameters.append(Parameter(name, .whole(low...high, isLogarithmic: isLogarithmic)))
      } else {
        parameters.append(Parameter(name, .real(from...to, isLogarithmic: isLogarithmic)))
      }
    }
    self.init(parameters)
  }

  private static let rangeKeys = ["from", "to", "log"]

  /// The text of a member up to the end of its object: what follows its quoted key and a colon.
  private static func member(_ name: String, in text: String) -> Substring {
    var rest = text[...]
    while let key = rest.firstRange(of: "\"\(name)\"") {
      rest = rest[key.upperBound...]
      let value = rest.drop { $0.isWhitespace }
      if value.first == ":" { return value.prefix { $0 != "}" } }
    }
    return ""
  }
}
