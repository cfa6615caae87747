// A webhook receiver: ASP.NET Core on .NET 8 or newer, without further packages. Try it:
// dotnet new web, put this in the place of Program.cs, then
//
// WEBHOOK_SECRET=whsec_… dotnet run --urls http://127.0.0.1:9000

using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

var secret = Convert.FromBase64String(
    Environment.GetEnvironmentVariable("WEBHOOK_SECRET")!["whsec_".Length..]);
var seen = new HashSet<string>(); // keep them in your database: the same event always has the same id

var app = WebApplication.CreateBuilder(args).Build();
app.MapPost("/{**path}", async (HttpRequest request) =>
{
    using var buffer = new MemoryStream();
    await request.Body.CopyToAsync(buffer);
    // The bytes as they came: nothing has parsed them yet.
    var body = buffer.ToArray();
    if (!IsSigned(request.Headers, body))
        return Results.Unauthorized();
    using var json = JsonDocument.Parse(body);
    lock (seen)
    {
        var id = request.Headers["webhook-id"].ToString();
        if (!seen.Contains(id))
        {
            Handle(json.RootElement);
            seen.Add(id);
        }
    }
    return Results.NoContent(); // only now: what is not answered with a 2xx comes again
});
app.Run();

// Standard Webhooks 1.0: base64 of HMAC-SHA256 over "id.timestamp.body".
bool IsSigned(IHeaderDictionary headers, byte[] body)
{
    var timestamp = headers["webhook-timestamp"].ToString();
    var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
    // Not older than five minutes, so that nobody can send it a second time.
    if (!long.TryParse(timestamp, out var sent) || sent < now - 300 || sent > now + 300)
        return false;
    var start = Encoding.UTF8.GetBytes(headers["webhook-id"] + "." + timestamp + ".");
    byte[] signed = [.. start, .. body];
    var expected = "v1," + Convert.ToBase64String(HMACSHA256.HashData(secret, signed));
    // Two of them while a secret is rotated; one has to fit.
    return headers["webhook-signature"].ToString().Split(' ').Any(signature =>
        CryptographicOperations.FixedTimeEquals(
            Encoding.UTF8.GetBytes(signature), Encoding.UTF8.GetBytes(expected)));
}

// Your part. Put what takes long into a queue of your own.
void Handle(JsonElement webhook) => Console.WriteLine(webhook.GetProperty("type").GetString());
