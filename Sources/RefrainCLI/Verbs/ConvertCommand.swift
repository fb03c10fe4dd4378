import ArgumentParser
import Refrain
import RefrainData
import RefrainFormats
import RefrainModels

/// `refrain convert`: a model in another format, with the proof that it is the same.
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Convert a model between Refrain, PyTorch, Keras and ONNX.",
    discussion: """
      Reads back what it is about to write, runs both sides on random sequences of different lengths, and says the greatest \
      difference. Above 0.00001 it fails and writes nothing.

      Examples:

        refrain convert speech.onnx speech.safetensors
        refrain convert model.safetensors model.onnx
        refrain convert weights.pt model.keras --returning everyStep
        refrain convert model.safetensors model.onnx --lengths --states
        refrain convert weights.pt model.onnx --input x.npy --expect y.npy
        refrain convert tagger.model small.model --weights int8 --calibrate dev.txt

      That the model was read as it was meant only the program that it comes from can say: --input and --expect are an input \
      and that program's output for it, with which what is written is compared too.

      With --weights a model of Refrain's own, of any task, keeps its format: int8 makes a quarter of it, and its products \
      faster. What that costs is measured on the examples that --calibrate names.

      Exit status: 0 when all is well, 64 for flags that make no sense, \
      \(CommandFailure.fileStatuses).
      """)

  @Argument(help: ArgumentHelp("The model.", valueName: "input"), completion: .file())
  var model: String

  @Argument(help: "The file to write.", completion: .file())
  var output: String

  @Option(
    help: ArgumentHelp(
      "The format to write. (default: by the name of the file: .safetensors, .pt, .keras, .onnx)", valueName: "format"))
  var to: Conversion.Target?

  @Flag(help: "To ONNX: take the lengths of sequences of a padded batch, as the input 'lengths'.")
  var lengths = false

  @Flag(help: "To ONNX: take the states before the first step, and give those after the last.")
  var states = false

  @Option(
    help: ArgumentHelp("An input to prove the model on: its name and a file of NumPy.", valueName: "name=file"),
    completion: .file())
  var input: [String] = []

  @OptionGroup(title: "Weights") var weights: WeightOptions

  @OptionGroup(title: "Proof") var proof: ProofOptions

  @OptionGroup(title: "Weights without a model") var state: StateOptions

  @OptionGroup var memory: MemoryOptions

  @Flag(help: "Print no notes.")
  var quiet = false

  func validate() throws {
    if weights.weights != nil {
      for (name, path) in [("IN", model)] + weights.calibrate.map({ ("--calibrate", $0) }) where path != "-" {
        try requireDistinct((name, path), ("OUT", output))
      }
      if let named = Conversion.Target(path: output), named != .refrain {
        throw ValidationError(
          "--weights keeps the format of the model, and \(output) has the name of a file of \(named.name): let it end in "
            + ".safetensors.")
      }
      guard to == nil || to == .refrain, !lengths, !states, input.isEmpty, proof.expect.isEmpty else {
        throw ValidationError("--weights keeps the format of the model: leave out what is for another.")
      }
      return
    }
    guard target != nil else {
      throw ValidationError("The name \(output) does not say the format: let it end in .onnx, or give --to.")
    }
    try requireDistinct(("IN", model), ("OUT", output))
    guard input.isEmpty == proof.expect.isEmpty else {
      throw ValidationError("Give --input and --expect together: an input, and the output that belongs to it.")
    }
    guard target?.name == "onnx" || !lengths && !states else {
      throw ValidationError("--lengths and --states are for files of ONNX.")
    }
  }

  private var target: Conversion.Target? { to ?? Conversion.Target(path: output) }

  func run() throws {
    do { try memory.run(convert) } catch let error as DataError { throw CommandFailure(error) }
  }

  private func convert() throws {
    if let storage = weights.weights { return try convertWeights(to: storage) }
    guard let target else { return }
    try checkWritableFile(output)
    let source = try LoadedModel(contentsOf: model, assuming: state.assumptions)
    let conversion: Conversion
    do throws(DataError) {
      conversion = try Conversion(
        source, to: target, path: output, options: ONNXExportOptions(lengths: lengths, states: states),
        sample: sample(of: source), tolerance: proof.tolerance)
    } catch {
      throw error.inFile(model)
    }
    try writeAtomically(conversion.bytes, to: output)
    if !quiet, !source.openQuestions.isEmpty { StandardError.write(line: "note: \(StateOptions.hint)") }
    if !quiet { for note in conversion.notes { StandardError.write(line: "note: \(note)".sanitized) } }
    let title = "\(source.format.title) to \(target.name)"
    var lines = [
      "\(title): greatest difference \(conversion.difference) in \(conversion.comparisons) numbers, \(conversion.compared)"
    ]
    if let proof = conversion.proof {
      lines.append("\(title): greatest difference \(proof.difference) in \(proof.count) numbers from what is expected")
    } else if source.format != .refrain {
      lines.append("not compared with the program that the model comes from: --input x.npy --expect y.npy does that")
    }
    try StandardOutput.write(lines.joined(separator: "\n") + "\n")
  }

  private func convertWeights(to storage: WeightStorage) throws {
    try checkWritableFile(output)
    let source = weights.calibrate.isEmpty ? nil : DataSource(paths: weights.calibrate)
    let conversion = try WeightConversion(model, as: storage, examples: source)
    try writeAtomically(conversion.bytes, to: output)
    try StandardOutput.write(WeightOptions.report(conversion, storage).joined(separator: "\n") + "\n")
  }

  private func sample(of source: LoadedModel) throws(DataError) -> ModelSample? {
    if input.isEmpty { return nil }
    let runnable = try source.runnable()
    let needed = runnable.inputs.filter { !$0.isOptional }.map(\.name)
    return ModelSample(
      inputs: try ArrayOptions.arrays(input, names: needed, kind: "input", flag: "--input"),
      expected: try proof.expected(of: runnable))
  }
}

/// An output to compare with.
struct ProofOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "An output as the program that the model comes from gives it: its name and a file of NumPy.",
      valueName: "name=file"),
    completion: .file())
  var expect: [String] = []

  @Option(help: ArgumentHelp("The greatest difference from it that is let pass.", valueName: "number"))
  var tolerance = Conversion.tolerance

  func validate() throws {
    guard tolerance >= 0 else { throw ValidationError("--tolerance is \(tolerance), and must be at least 0.") }
  }

  /// The outputs that were given, by name.
  func expected(of model: any RunnableModel) throws(DataError) -> [String: NumericArray] {
    try ArrayOptions.arrays(expect, names: model.outputs.map(\.name), kind: "output", flag: "--expect")
  }

  /// Throws when an output is too far from what was given.
  func check(_ comparison: OutputComparison) throws(DataError) {
    guard !(comparison.difference <= tolerance) else { return }
    throw DataError(
      .inexactConversion,
      "the output differs from what is expected by \(comparison.difference), more than \(tolerance)",
      remedy: "settle what the file does not say (refrain info), or give a greater --tolerance")
  }
}

extension Conversion.Target: ExpressibleByArgument {
  public init?(argument: String) { self.init(name: argument) }
  public static var allValueStrings: [String] { all.map(\.name) }
}

/// What a file of weights alone does not say.
struct StateOptions: ParsableArguments {
  @Option(help: ArgumentHelp("What the last recurrent layer gives on: every step, or the last.", valueName: "steps"))
  var returning = Returning.lastStep

  @Option(
    help: ArgumentHelp(
      "The function of an nn.RNN: tanh or relu. (default: what the file says, or tanh)", valueName: "function"))
  var nonlinearity: ElmanFunction?

  @Option(
    help: ArgumentHelp(
      "A function that follows a layer, such as lstm=relu or head.1=relu; once for each.", valueName: "layer=name"))
  var activation: [String] = []

  @Option(
    help: ArgumentHelp(
      "What goes on of a bidirectional layer: both directions' own last step, or the outputs at the last step.",
      valueName: "steps"))
  var last: LastSteps?

  @Option(help: ArgumentHelp("The part of the file to take, such as model.encoder.", valueName: "name"))
  var key: String?

  /// The flags that settle what weights alone leave open.
  static let hint = "what is not in the file is settled by --activation LAYER=NAME, --last, --nonlinearity, --returning"

  /// Tells what was assumed, and how to settle it.
  static func show(_ questions: [String]) {
    for question in questions { StandardError.write(line: "note: \(question)".sanitized) }
    if !questions.isEmpty { StandardError.write(line: "note: \(hint)") }
  }

  var assumptions: StateAssumptions {
    StateAssumptions(
      returning: returning, function: nonlinearity, key: key, last: last,
      activations: Dictionary(functions, uniquingKeysWith: { $1 }))
  }

  private var functions: [(String, ActivationFunction)] {
    activation.compactMap { text in
      guard let equals = text.lastIndex(of: "="),
        let function = ActivationFunction(named: String(text[text.index(after: equals)...]))
      else { return nil }
      return (String(text[..<equals]), function)
    }
  }

  func validate() throws {
    guard functions.count == activation.count else {
      let known = Activation.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError(
        "--activation takes a layer and a function, such as --activation lstm=relu. The functions are \(known).")
    }
  }
}

extension Returning: ExpressibleByArgument {}
extension ElmanFunction: ExpressibleByArgument {}
extension LastSteps: ExpressibleByArgument {}
