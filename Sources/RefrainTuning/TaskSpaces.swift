import Refrain
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

  /// Puts a text where it belongs, within the bounds of the flag of that name; the learning rate is no option of a
  /// task, and only looked at.
  ///
  /// - Throws: `OptionError` for a text that makes no sense.
  func set(_ text: String, in options: inout SharedOptions) throws(OptionError) {
    switch self {
    case .cell:
      // A cell that wants more than values, such as times, has no flag either.
      let names = Cells.all.filter { $0.lastColumn == nil }.map { $0.name }
      guard names.contains(text) else {
        let hint = nearestName(to: text, among: names).map { "; did you mean \($0.quoted)?" } ?? ""
        throw OptionError(option: rawValue, "\(text.quoted) is no cell\(hint)")
      }
      options.cell = text
    case .hidden: options.hidden = try whole(text, 1...4096)
    case .layers: options.layers = try whole(text, 1...32)
    case .epochs: options.epochs = try whole(text, 1...1_000_000)
    case .dropout:
      guard let share = Float(text), (0..<1).contains(share) else {
        throw OptionError(option: rawValue, "must be at least 0 and below 1, not \(text.quoted)")
      }
      options.dropout = share
    case .rate:
      guard let rate = Float(text), rate > 0, rate.isFinite else {
        throw OptionError(option: rawValue, "must be a positive number, not \(text.quoted)")
      }
    }
  }

  private func whole(_ text: String, _ range: ClosedRange<Int>) throws(OptionError) -> Int {
    guard let number = Int(text), range.contains(number) else {
      throw OptionError(
        option: rawValue,
        "must be a whole number from \(range.lowerBound) to \(range.upperBound), not \(text.quoted)")
    }
    return number
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
  /// Where a search looks unless it is told: the shared options that the task takes and that are not given. The
  /// learning rate is among them where something reads it, and where the task's rule is that of its default: another
  /// rule wants rates of another size.
  ///
  /// - Parameters:
  ///   - given: The shared options that are given.
  ///   - fixed: The task's own options that are given, by name.
  public static func standard<Task: TaskModel>(
    for task: Task.Type, given: SharedOptions, fixed: [String: [String]] = [:]
  ) -> SearchSpace {
    SearchSpace(
      SharedParameter.allCases.compactMap { parameter in
        guard let domain = parameter.domain, !parameter.isGiven(in: given) else { return nil }
        if parameter == .rate, !Task.savesTraining || fixed["optimizer"] != nil { return nil }
        var options = SharedOptions()
        var configuration = Task.Configuration()
        guard (try? parameter.set(domain.value(at: 0.5).text(in: domain), in: &options)) != nil,
          (try? configuration.choose(options)) != nil
        else { return nil }
        return Parameter(parameter.rawValue, domain)
      })
  }

  /// Stops at a parameter that the task has not, at one that says what is read, which is settled before the first
  /// trial, and at a value that makes no sense.
  ///
  /// - Throws: `wrongInput`, with the name that was probably meant.
  public func check<Task: TaskModel>(for task: Task.Type, file: String?) throws(DataError) {
    let shared = SharedParameter.allCases.filter { $0 != .rate || Task.savesTraining }
    let own = Task.Configuration.options
    if let read = parameters.first(where: { parameter in own.contains { $0.name == parameter.name && $0.isOfReading } })
    {
      throw DataError(
        .wrongInput, file: file, "\(read.name.quoted) says what is read, and is not searched",
        remedy: "leave it out of the space, and give --\(read.name) if need be")
    }
    if let measured = parameters.first(where: { one in own.contains { $0.name == one.name && $0.isOfMeasure } }) {
      throw DataError(
        .wrongInput, file: file, "\(measured.name.quoted) changes what trials are measured by, and is not searched",
        remedy: "leave it out of the space, and give --\(measured.name) if need be")
    }
    // Trials are compared by what is measured before, and the winner is trained so in any case.
    if Task.Configuration().refitting != nil, parameters.contains(where: { $0.name == "refit" }) {
      throw DataError(
        .wrongInput, file: file, "'refit' changes nothing that is measured, and is not searched",
        remedy: "leave it out of the space")
    }
    let regularizers = Task.savesTraining ? TaskRegularization<Task>.options : []
    let names =
      shared.map(\.rawValue) + own.filter { !$0.isOfReading && !$0.isOfMeasure }.map(\.name)
      + regularizers.map(\.name)
    let amounts = Task.savesTraining ? Task.augmentations.map { AugmentationParameter.name(of: $0) } : []
    guard let wrong = parameters.first(where: { !names.contains($0.name) && !amounts.contains($0.name) }) else {
      try checkValues(of: shared, file: file)
      try checkNamedOnce(file: file)
      for parameter in parameters {
        if let option = own.first(where: { $0.name == parameter.name }) {
          try parameter.check(option, file: file)
        } else if let option = regularizers.first(where: { $0.name == parameter.name }) {
          try parameter.check(option, file: file) { one throws(OptionError) in try one.values.check(for: Task.self) }
        } else if let amount = AugmentationParameter(parameter.name) {
          try parameter.check(amount, file: file)
        }
      }
      return
    }
    let hint = nearestName(to: wrong.name, among: names + amounts).map { "did you mean \($0.quoted)?" }
    throw DataError(
      .wrongInput, file: file, "the task \(Task.name.quoted) has no option \(wrong.name.quoted)",
      remedy: hint ?? "it has \(names.joined(separator: ", "))")
  }

  /// Stops at a kind of changes whose amount is searched and which a text of several changes names too.
  private func checkNamedOnce(file: String?) throws(DataError) {
    let texts = parameters.first { $0.name == RegularizationOptions.augment }?.domain.bounds ?? []
    let named = texts.flatMap { (try? Augmentations($0))?.all ?? [] }.map(\.kind)
    for parameter in parameters {
      guard let amount = AugmentationParameter(parameter.name), named.contains(amount.kind) else { continue }
      throw DataError(
        .wrongInput, file: file,
        "\(RegularizationOptions.augment.quoted) names \(amount.kind.rawValue.quoted), which "
          + "\(parameter.name.quoted) searches", remedy: "leave it out of one of them")
    }
  }

  private func checkValues(of shared: [SharedParameter], file: String?) throws(DataError) {
    for parameter in parameters {
      guard let place = shared.first(where: { $0.rawValue == parameter.name }) else { continue }
      var options = SharedOptions()
      do throws(OptionError) {
        for text in parameter.domain.bounds { try place.set(text, in: &options) }
      } catch {
        throw DataError(.wrongInput, file: file, "\(error)", remedy: "search within the bounds of --\(place.rawValue)")
      }
    }
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

  /// The values of a trial as they are typed.
  ///
  /// - Parameter augment: The changes of examples that are given, which are one option with those of the values.
  public static func typed(_ values: [String: String], augment: String? = nil) -> String {
    var flags = values.sorted { $0.key < $1.key }.compactMap { name, text -> String? in
      if AugmentationParameter(name) != nil || name == RegularizationOptions.augment { return nil }
      return switch SwitchValue(text) {
      case .on: "--\(name)"
      case .off: nil
      case nil: "--\(name) \(text)"
      }
    }
    let isSearched = values.keys.contains { AugmentationParameter($0) != nil || $0 == RegularizationOptions.augment }
    if isSearched, let text = AugmentationParameter.text(values, given: augment) {
      flags.append("--\(RegularizationOptions.augment) \(text)")
    }
    return flags.isEmpty ? "nothing beside what is given" : flags.joined(separator: " ")
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

extension SearchSpace.Parameter {
  /// Stops at a value that the option does not take: a word, an end of a range.
  ///
  /// - Parameter inspect: Looks at what a value makes of a table.
  fileprivate func check<Target>(
    _ option: TaskOption<Target>, file: String?, inspect: (Target) throws(OptionError) -> Void = { _ in }
  ) throws(DataError) where Target: OptionTable {
    if case .flag = option.kind {
      guard case .choice(let words) = domain, words.allSatisfy({ SwitchValue($0) != nil }) else {
        throw DataError(
          .wrongInput, file: file, "\(name.quoted) is given or not, and takes true and false alone",
          remedy: "write {\"\(name)\": [true, false]}")
      }
      return
    }
    do throws(OptionError) {
      for text in domain.bounds { try inspect(Target([name: [text]])) }
    } catch {
      throw DataError(.wrongInput, file: file, "\(error)", remedy: "search within what --\(name) takes")
    }
  }

  /// Stops at an amount of a change of examples that cannot be.
  fileprivate func check(_ amount: AugmentationParameter, file: String?) throws(DataError) {
    do throws(Augmentations.Fault) {
      for text in domain.bounds { _ = try Augmentations(amount.text(text)) }
    } catch {
      throw DataError(
        .wrongInput, file: file, "\(name.quoted) \(error.description)",
        remedy: "search within what --\(RegularizationOptions.augment) takes")
    }
  }
}

extension SearchSpace.Domain {
  /// Both ends of a range, or the words, as texts.
  fileprivate var bounds: [String] {
    switch self {
    case .real(let range, _): [range.lowerBound, range.upperBound].map { "\($0)" }
    case .whole(let range, _): [range.lowerBound, range.upperBound].map { "\($0)" }
    case .choice(let words): words
    }
  }
}

/// Whether an option without a value is given.
enum SwitchValue: String {
  case on = "true"
  case off = "false"

  init?(_ text: String) { self.init(rawValue: text.lowercased()) }
}
