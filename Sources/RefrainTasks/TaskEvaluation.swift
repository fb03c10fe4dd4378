/// How well a task does on examples, beside what costs nothing.
public struct TaskEvaluation: Sendable, Equatable {
  /// One number that says how good answers are.
  public struct Measure: Sendable, Equatable {
    /// Its name for programs, such as `wordErrorRate`.
    public var name: String
    /// Its value; NaN where it has none.
    public var value: Double

    /// A measure under its name.
    public init(_ name: String, _ value: Double) {
      self.name = name
      self.value = value
    }
  }

  /// A way to answer that costs nothing.
  public struct Baseline: Sendable, Equatable {
    /// Its name for programs, such as `majority`.
    public var name: String
    /// As many of the measures as it has.
    public var measures: [Measure]

    /// A baseline under its name.
    public init(_ name: String, _ measures: [Measure]) {
      self.name = name
      self.measures = measures
    }
  }

  /// The name of the task.
  public var task: String
  /// How many answers were compared with the truth.
  public var examples: Int
  /// The field's measures, the most telling first.
  public var measures: [Measure]
  /// The baselines.
  public var baselines: [Baseline]

  /// The measures of a task with those of its baselines.
  public init(task: String, examples: Int, measures: [Measure], baselines: [Baseline]) {
    self.task = task
    self.examples = examples
    self.measures = measures
    self.baselines = baselines
  }
}

extension TaskEvaluation: Encodable {
  /// Measures and baselines are objects by name: `{"task","examples","measures":{…},"baselines":{"naive":{…}}}`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Name.self)
    try container.encode(task, forKey: "task")
    try container.encode(examples, forKey: "examples")
    try Self.encode(measures, in: &container, under: "measures")
    var all = container.nestedContainer(keyedBy: Name.self, forKey: "baselines")
    for baseline in baselines { try Self.encode(baseline.measures, in: &all, under: Name(stringValue: baseline.name)) }
  }

  private static func encode(
    _ measures: [Measure], in container: inout KeyedEncodingContainer<Name>, under name: Name
  ) throws {
    var nested = container.nestedContainer(keyedBy: Name.self, forKey: name)
    for measure in measures {
      let name = Name(stringValue: measure.name)
      // JSON has no word for what is not finite.
      if measure.value.isFinite {
        try nested.encode(measure.value, forKey: name)
      } else {
        try nested.encodeNil(forKey: name)
      }
    }
  }

  private struct Name: CodingKey, ExpressibleByStringLiteral {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init(stringLiteral value: String) { stringValue = value }
    init?(intValue: Int) { nil }
  }
}
