import Refrain

/// Examples to train on, and others to be measured on.
public struct ExampleFold<Examples: Sendable>: Sendable {
  /// What is learned from.
  public let training: Examples
  /// What is measured on.
  public let held: Examples
}

/// A division of examples into parts of about one size, in which each class has its share.
struct FoldPlan {
  /// The examples of each part, in their order.
  let parts: [[Int]]

  /// - Parameters:
  ///   - classes: For each example its class; examples without one have the same.
  ///   - count: How many parts.
  ///   - seed: What the division follows from.
  /// - Throws: ``TaskError`` where there are fewer examples than parts.
  init(_ classes: [Int], count: Int, seed: UInt64) throws(TaskError) {
    guard classes.count >= count, count > 1 else {
      throw TaskError("\(classes.count) examples cannot be divided into \(count) parts", remedy: "choose fewer folds")
    }
    var generator = RandomGenerator(seed: seed ^ 0xF01D5)
    var groups: [Int: [Int]] = [:]
    for (example, group) in classes.enumerated() { groups[group, default: []].append(example) }
    var parts = [[Int]](repeating: [], count: count)
    var next = 0
    for (_, examples) in groups.sorted(by: { $0.key < $1.key }) {
      for place in generator.permutation(examples.count) {
        parts[next % count].append(examples[place])
        next += 1
      }
    }
    self.parts = parts.map { $0.sorted() }
  }

  /// The folds, by a function that selects examples, given their places.
  func folds<Examples>(_ select: (_ places: [Int]) -> Examples) -> [ExampleFold<Examples>] {
    parts.indices.map { held in
      let others = parts.indices.filter { $0 != held }.flatMap { parts[$0] }.sorted()
      return ExampleFold(training: select(others), held: select(parts[held]))
    }
  }
}

/// How good models are that were each trained on all parts of the examples but one, on that one.
public struct FoldEvaluation: Sendable, Encodable {
  /// A measure over all parts.
  public struct Measure: Sendable, Encodable {
    /// Its name.
    public var name: String
    /// The mean of the parts that have it.
    public var mean: Double
    /// The deviation over the parts, with n − 1; NaN of a single one.
    public var deviation: Double
    /// Each part's.
    public var values: [Double]
  }

  /// The measures of each part that was measured on.
  public let parts: [TaskEvaluation]
  /// How many parts there were to be.
  public let count: Int
  /// Whether all of them were measured on; not where it was to stop before.
  public var isComplete: Bool { parts.count == count }

  /// The field's measures over all parts.
  public var measures: [Measure] {
    (parts.first?.measures ?? []).map { measure in
      Self.measure(measure.name, parts.map { part in part.measures.first { $0.name == measure.name }?.value ?? .nan })
    }
  }

  /// The baselines' measures over all parts.
  public var baselines: [(name: String, measures: [Measure])] {
    (parts.first?.baselines ?? []).map { baseline in
      let own = parts.map { part in part.baselines.first { $0.name == baseline.name }?.measures ?? [] }
      return (
        baseline.name,
        baseline.measures.map { measure in
          Self.measure(measure.name, own.map { all in all.first { $0.name == measure.name }?.value ?? .nan })
        }
      )
    }
  }

  private static func measure(_ name: String, _ values: [Double]) -> Measure {
    let known = values.filter(\.isFinite)
    let mean = known.isEmpty ? .nan : known.reduce(0, +) / Double(known.count)
    let squares = known.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return Measure(
      name: name, mean: mean, deviation: known.count > 1 ? (squares / Double(known.count - 1)).squareRoot() : .nan,
      values: values)
  }

  /// Trains on all parts but one, and measures on it, for each in turn. Observers are told of the stages as `fold1`,
  /// `fold2` …, with the stage's own word behind a `-` where a training has several.
  ///
  /// - Returns: What was measured until it was to stop.
  /// - Throws: ``TaskError`` where examples cannot be divided, a training or a measurement fails, or it was to stop
  ///   before anything was measured.
  public static func run<Task: TaskModel>(
    _ task: Task.Type, on examples: Task.Examples, folds count: Int, _ configuration: Task.Configuration,
    _ context: TrainingContext
  ) throws(TaskError) -> FoldEvaluation {
    guard let folds = try Task.folds(of: examples, count: count, configuration) else {
      throw TaskError(
        "the examples of the task \(Task.name) cannot be divided into folds", remedy: "leave the folds out")
    }
    var parts: [TaskEvaluation] = []
    for (number, fold) in folds.enumerated() {
      var own = context
      own.progress = { [progress = context.progress] fraction, message in
        let text = "fold \(number + 1) of \(count)" + (message.isEmpty ? "" : ", \(message)")
        progress?((Double(number) + fraction) / Double(count), text)
      }
      own.observers = { [observers = context.observers] stage in
        observers("fold\(number + 1)" + (stage == "training" ? "" : "-\(stage)"))
      }
      var model: Task?
      do throws(TaskError) { model = try Task.train(on: fold.training, configuration, own) } catch {
        guard context.shouldStop() else { throw error }
      }
      guard let model, model.isComplete, !context.shouldStop() else {
        guard !parts.isEmpty else {
          throw TaskError(
            "it was to stop in fold 1 of \(count), and nothing is measured", remedy: "give it more time")
        }
        return FoldEvaluation(parts: parts, count: count)
      }
      parts.append(try model.evaluate(on: fold.held))
    }
    return FoldEvaluation(parts: parts, count: count)
  }

  private enum Key: String, CodingKey { case folds, measures, of }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(parts.count, forKey: .folds)
    try container.encode(measures, forKey: .measures)
    try container.encode(count, forKey: .of)
  }
}
