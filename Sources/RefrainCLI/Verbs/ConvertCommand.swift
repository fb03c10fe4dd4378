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

      Exit status: 0 when all is well, 64 for flags that make no sense, 65 for a model that cannot be converted.
      """)

  @Argument(help: "The model.", completion: .file())
  var input: String

  @Argument(help: "The file to write.", completion: .file())
  var output: String

  @Option(
    help: ArgumentHelp(
      "The format to write. (default: by the name of the file: .safetensors, .pt, .keras, .onnx)", valueName: "format"))
  var to: Conversion.Target?

  @OptionGroup(title: "Weights without a model") var state: StateOptions

  @Flag(help: "Print no notes.")
  var quiet = false

  func validate() throws {
    guard target != nil else {
      throw ValidationError("The name \(output) does not say the format: let it end in .onnx, or give --to.")
    }
    try requireDistinct(("IN", input), ("OUT", output))
  }

  private var target: Conversion.Target? { to ?? Conversion.Target(path: output) }

  func run() throws {
    guard let target else { return }
    do {
      try checkWritableFile(output)
      let source = try LoadedModel(contentsOf: input, assuming: state.assumptions)
      let conversion: Conversion
      do throws(DataError) {
        conversion = try Conversion(source, to: target, path: output)
      } catch {
        throw error.inFile(input)
      }
      try writeAtomically(conversion.bytes, to: output)
      if !quiet { for note in conversion.notes { StandardError.write(line: "note: \(note)".sanitized) } }
      try StandardOutput.write(
        """
        \(source.format.title) to \(target.name): greatest difference \(conversion.difference) \
        in \(conversion.comparisons) numbers
        """ + "\n")
    } catch let error as DataError {
      throw CommandFailure.badData(error)
    }
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

  @Option(help: ArgumentHelp("The function of an nn.RNN.", valueName: "function"))
  var nonlinearity = ElmanFunction.tanh

  @Option(help: ArgumentHelp("The part of the file to take, such as model.encoder.", valueName: "name"))
  var key: String?

  var assumptions: StateAssumptions {
    StateAssumptions(returning: returning, function: nonlinearity, key: key)
  }
}

extension Returning: ExpressibleByArgument {}
extension ElmanFunction: ExpressibleByArgument {}
