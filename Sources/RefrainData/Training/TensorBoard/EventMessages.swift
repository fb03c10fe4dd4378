/// `Event` of tensorflow/core/util/event.proto: what happens at a step.
struct EventMessage: ProtocolMessage {
  /// Seconds since 1970.
  var time: Double?
  var step: Int?
  /// The version of the format, in the first event of a file.
  var version = ""
  var summary: SummaryMessage?
  var session: SessionMessage?

  mutating func visit(_ fields: inout ProtocolCoder) {
    fields.number(1, &time)
    fields.number(2, &step)
    fields.text(3, &version)
    fields.message(5, &summary)
    fields.message(7, &session)
  }
}

/// `SessionLog`: what happens to the training.
struct SessionMessage: ProtocolMessage {
  var status: Int32?
  /// It begins: what comes after this step is not shown any more.
  static let start: Int32 = 1

  mutating func visit(_ fields: inout ProtocolCoder) { fields.number(1, &status) }
}

/// `Summary` of tensorflow/core/framework/summary.proto: what is shown.
struct SummaryMessage: ProtocolMessage {
  var values: [Value] = []

  mutating func visit(_ fields: inout ProtocolCoder) { fields.messages(1, &values) }

  /// Something under its tag.
  struct Value: ProtocolMessage {
    var tag = ""
    var scalar: Float?
    var histogram: HistogramMessage?
    var text: TextMessage?
    var metadata: Metadata?

    mutating func visit(_ fields: inout ProtocolCoder) {
      fields.text(1, &tag)
      fields.number(2, &scalar)
      fields.message(5, &histogram)
      fields.message(8, &text)
      fields.message(9, &metadata)
    }
  }

  /// `SummaryMetadata`: by which part of TensorBoard a value is shown.
  struct Metadata: ProtocolMessage {
    var plugin: Plugin?

    mutating func visit(_ fields: inout ProtocolCoder) { fields.message(1, &plugin) }

    struct Plugin: ProtocolMessage {
      var name = ""

      mutating func visit(_ fields: inout ProtocolCoder) { fields.text(1, &name) }
    }
  }
}

/// `HistogramProto`: how values are spread.
struct HistogramMessage: ProtocolMessage {
  var least: Double?
  var greatest: Double?
  var count: Double?
  var sum: Double?
  var sumOfSquares: Double?
  /// The upper bounds of the buckets, and how many values are in each.
  var limits: [Double] = []
  var counts: [Double] = []

  mutating func visit(_ fields: inout ProtocolCoder) {
    fields.number(1, &least)
    fields.number(2, &greatest)
    fields.number(3, &count)
    fields.number(4, &sum)
    fields.number(5, &sumOfSquares)
    fields.numbers(6, &limits, packed: true)
    fields.numbers(7, &counts, packed: true)
  }
}

/// `TensorProto` of texts.
struct TextMessage: ProtocolMessage {
  var type: Int32?
  var shape: Shape?
  var texts: [String] = []
  /// `DT_STRING`
  static let string: Int32 = 7

  mutating func visit(_ fields: inout ProtocolCoder) {
    fields.number(1, &type)
    fields.message(2, &shape)
    fields.texts(8, &texts)
  }

  struct Shape: ProtocolMessage {
    var axes: [Axis] = []

    mutating func visit(_ fields: inout ProtocolCoder) { fields.messages(2, &axes) }
  }

  struct Axis: ProtocolMessage {
    var size: Int?

    mutating func visit(_ fields: inout ProtocolCoder) { fields.number(1, &size) }
  }
}
