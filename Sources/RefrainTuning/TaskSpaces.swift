import RefrainData
import RefrainTasks

/// The options that every task may have, as parameters of a search.
enum SharedParameter: String, CaseIterable {
  case cell, hidden, layers, dropout, epochs
  case rate = "learning-rate"

  /// Where the search looks unless it is told; nil for what is not searched by itself.
  var domain: SearchSpace.Domain? {
    switch self {
    case .cell: .choice(["lstm", "gru"])
    case .hidden: .whole(16...128, isLogarithmic: true)
    case .layers: .whole(1...2, isLogarithmic: false)
    case .dropout: .real(0...0.5, isLogarithmic: false)
    case .rate: .real(3e-4...3e-2, isLogarithmic: true)
    case .epochs: nil
    }
  }

  /// Puts a text where it belongs; the learning rate is no option of a task.
  func set(_ text: String, in options: inout SharedOptions) {
    switch self {
    case .cell: options.cell = text
    case .hidden: options.hidden = Int(text)
    case .layers: options.layers = Int(text)
    case .dropout: options.dropout = Float(text)
    case .epochs: options.epochs = Int(text)
    case .rate: break
    }
  }

  /// Whether the user has decided already.
  func isGiven(in options: SharedOptions) -> Bool {
    switch self {
    case .cell: options.cell != nil
    case .hidden: options.hidden != nil
    case .layers: options.layers != nil
    case .dropout: options.dropout != nil
    case .epochs: options.epochs != nil
    case .rate: false
    }
  }
}

extension SearchSpace {
  /// Where a search looks unless it is told: the shared options that the task takes and that are not given.
  public static func standard<Task: TaskModel>(for task: Task.Type, given: SharedOptions) -> SearchSpace {
    SearchSpace(
      SharedParameter.allCases.compactMap { parameter in
        guard let domain = parameter.domain, !parameter.isGiven(in: given) else { return nil }
        var options = SharedOptions()
        parameter.set(domain.value(at: 0.5).text(in: domain), in: &options)
        var configuration = Task.Configuration()
        guard (try? configuration.choose(options)) != nil else { return nil }
        return Parameter(parameter.rawValue, domain)
      })
  }

  /// Stops at a parameter that the task has not.
  ///
  /// - Throws: `wrongInput`, with the name that was probably meant.
  public func check<Task: TaskModel>(for task: Task.Type, file: String?) throws(DataError) {
    let names = SharedParameter.allCases.map(\.rawValue) + Task.Configuration.options.map(\.name)
    guard let wrong = parameters.first(where: { !names.contains($0.name) }) else { return }
    let hint = nearestName(to: wrong.name, among: names).map { "did you mean \($0.quoted)?" }
    throw DataError(
      .wrongInput, file: file, "the task \(Task.name.quoted) has no option \(wrong.name.quoted)",
      remedy: hint ?? "it has \(names.joined(separator: ", "))")
  }

  /// The values that texts stand for, in the order of the parameters; nil where one is missing or not of its domain.
  func values(of texts: [String: String]) -> [ParameterValue]? {
    var values: [ParameterValue] = []
    for parameter in parameters {
      guard let text = texts[parameter.name] else { return nil }
      let value: ParameterValue? =
        switch parameter.domain {
        case .real: Double(text).map { .real($0) }
        case .whole: Int(text).map { .whole($0) }
        case .choice(let words): words.firstIndex(of: text).map { .choice($0) }
        }
      guard let value, parameter.domain.holds(value) else { return nil }
      values.append(value)
    }
    return values
  }

  /// The space as a text that changes with it.
  public var text: String {
    parameters.map { parameter in
      switch parameter.domain {
      case .real(let range, let log): "\(parameter.name) \(range.lowerBound)…\(range.upperBound)\(log ? " log" : "")"
      case .whole(let range, let log): "\(parameter.name) \(range.lowerBound)..\(range.upperBound)\(log ? " log" : "")"
      case .choice(let words): "\(parameter.name) \(words.joined(separator: "|"))"
      }
    }.joined(separator: ", ")
  }
}
